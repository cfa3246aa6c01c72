# tries: fills every directory that it can write to
# cpu_s: 3
# memory_mb: 400
# accept: ok, memory
# expect: CONTAINED|\A\Z
written = 0
for folder in (".", "/w", "/tmp", "/dev/shm"):
    try:
        for number in range(100):
            with open(f"{folder}/fill{number}", "wb") as file:
                written += file.write(bytes(8 << 20))
    except OSError:
        pass
print("CONTAINED" if written < 300 << 20 else f"ESCAPED {written}")
