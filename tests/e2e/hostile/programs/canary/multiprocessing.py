# tries: legitimate: a pool of processes
# cpu_s: 3
# memory_mb: 256
# expect: \A\[0, 1, 4, 9, 16, 25, 36, 49, 64, 81\]\n\Z
import multiprocessing


def square(n):
    return n * n


if __name__ == "__main__":
    with multiprocessing.get_context("fork").Pool(3) as pool:
        print(pool.map(square, range(10)))
