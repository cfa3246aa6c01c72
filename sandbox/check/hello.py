"""A first program per language: prints `hello`, then the sum of the two numbers in its input."""

from __future__ import annotations

_PYTHON = "a, b = map(int, input().split())\nprint('hello')\nprint(a + b)\n"

_CPP = """#include <bits/stdc++.h>
int main() {
    std::map<std::string, int> sums;
    int a, b;
    std::cin >> a >> b;
    sums["sum"] = a + b;
    std::cout << "hello\\n" << sums["sum"] << '\\n';
}
"""

HELLO: dict[str, str] = {
    "python": _PYTHON,
    "pypy": _PYTHON,
    "pypy3": _PYTHON,
    "cpp": _CPP,
    "cpp17": _CPP,
    "cpp20": _CPP,
    "c": '#include <stdio.h>\nint main(void) { int a, b; if (scanf("%d %d", &a, &b) != 2) return 1;'
    ' printf("hello\\n%d\\n", a + b); return 0; }\n',
    "java": "import java.util.*;\npublic class Main {\n  public static void main(String[] arguments) {\n"
    "    Scanner in = new Scanner(System.in);\n"
    '    System.out.println("hello");\n    System.out.println(in.nextInt() + in.nextInt());\n  }\n}\n',
    "rust": "use std::io::Read;\nfn main() {\n    let mut text = String::new();\n"
    "    std::io::stdin().read_to_string(&mut text).unwrap();\n"
    "    let sum: i64 = text.split_whitespace().map(|word| word.parse::<i64>().unwrap()).sum();\n"
    '    println!("hello\\n{}", sum);\n}\n',
    "go": 'package main\n\nimport "fmt"\n\nfunc main() {\n\tvar a, b int\n\tfmt.Scan(&a, &b)\n'
    '\tfmt.Println("hello")\n\tfmt.Println(a + b)\n}\n',
    "javascript": "const words = require('fs').readFileSync(0, 'utf8').trim().split(/\\s+/);\n"
    "console.log('hello');\nconsole.log(words.map(Number).reduce((a, b) => a + b));\n",
}
