# tries: legitimate: opens its streams by name
# stdin: by name
# expect: \Aby name\nagain\n\Z
# stderr: \Aerror\n\Z
with open("/dev/stdin") as file, open("/dev/stdout", "w") as out:
    print(file.read(), file=out)
with open("/dev/fd/1", "a") as out:
    print("again", file=out)
with open("/dev/stderr", "w") as out:
    print("error", file=out)
