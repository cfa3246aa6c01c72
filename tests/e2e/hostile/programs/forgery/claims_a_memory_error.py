# tries: claims that its memory had run out
# accept: exit
# code: 1
# stderr: MemoryError
raise MemoryError("claimed")
