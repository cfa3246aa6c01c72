# tries: prints nothing where something is wanted
# checker: tokens 1e-6 1e-6
# answer: 0
# verdict: WA
