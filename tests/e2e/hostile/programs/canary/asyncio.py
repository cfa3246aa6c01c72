# tries: legitimate: asyncio with a subprocess and threads
# cpu_s: 3
# memory_mb: 128
# expect: \A\[0, 1, 2\] hello\n\Z
import asyncio


async def main():
    numbers = await asyncio.gather(*(asyncio.to_thread(lambda n=n: n) for n in range(3)))
    child = await asyncio.create_subprocess_exec("/bin/echo", "hello", stdout=asyncio.subprocess.PIPE)
    text, _ = await child.communicate()
    print(numbers, text.decode().strip())


asyncio.run(main())
