# tries: legitimate: numpy, where it is installed, with its threads
# cpu_s: 5
# wall_s: 12
# memory_mb: 512
# processes: 64
# expect: \A(332833500|absent)\n\Z
try:
    import numpy
except ModuleNotFoundError:
    print("absent")
else:
    line = numpy.arange(1000, dtype=numpy.int64)
    print(int(line @ line))
