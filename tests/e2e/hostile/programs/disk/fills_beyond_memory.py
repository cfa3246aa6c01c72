# tries: fills the file systems in memory with a small memory limit
# cpu_s: 3
# accept: memory
# accept@plain-user: memory, ok
written = 0
for folder in ("/w", "/tmp", "/dev/shm"):
    try:
        for number in range(100):
            with open(f"{folder}/fill{number}", "wb") as file:
                written += file.write(bytes(8 << 20))
    except OSError:
        pass
print("CONTAINED" if written < 300 << 20 else f"ESCAPED {written}")
