# tries: directories with the names that the sweep itself uses, each full, so that it never comes to an end
import os

for number in range(60):
    os.makedirs(f"/tmp/.swept{number}/.swept{number + 1}/.swept{number + 2}")
    with open(f"/tmp/.swept{number}/.swept{number + 1}/.swept{number + 2}/f", "w") as file:
        file.write("x")
    os.makedirs(f"/w/.swept{number}/a")
print("CONTAINED")
