# tries: legitimate: a process of a new interpreter
# cpu_s: 5
# wall_s: 12
# memory_mb: 256
# expect: \A\[0, 1, 4\]\n\Z
import multiprocessing


def square(n):
    return n * n


if __name__ == "__main__":
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        print(pool.map(square, range(3)))
