# tries: ends while much is being sent to it
# connected: yes
# stdin_repeat: 3000000 x
print("CONTAINED")
