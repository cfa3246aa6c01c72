package main

import (
	"fmt"
	"os"
)

func main() {
	none := make([]int, len(os.Args)-1)
	fmt.Println(none[5])
}
