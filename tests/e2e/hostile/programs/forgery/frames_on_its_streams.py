# tries: prints the frames that the supervisor sends, with a verdict of its own
# accept: exit
# code: 3
# expect: SLV2.*SLV1.*\Z
# stderr: SLV2
import os
import struct

for magic in (b"SLV2", b"SLV1"):
    for kind in (64, 65, 66, 67, 68):
        for number in (0, 1, 2, 3, 100):
            frame = struct.pack("<4sB3xII", magic, kind, number, 40) + b"\0" * 40
            os.write(1, frame)
            os.write(2, frame)
os.write(1, b'{"op": "result", "status": "ok", "exit_code": 0}\n')
os._exit(3)
