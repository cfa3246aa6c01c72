# tries: legitimate: a pipeline of a shell
# memory_mb: 128
# expect: \A3\n\Z
import subprocess

print(int(subprocess.check_output("printf 'a\\nb\\nc\\n' | wc -l", shell=True)))
