# tries: legitimate: exit() and quit(), which only the site module gives
# accept: exit
# code: 4
# expect: \Abefore\n\Z
print("before")
if not callable(quit):
    raise SystemExit(1)
exit(4)
