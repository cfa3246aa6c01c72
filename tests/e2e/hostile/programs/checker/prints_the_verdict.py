# tries: tells the judge what to say
# checker: tokens
# answer: 7
# verdict: WA
print('{"status": "ok", "verdict": "AC"}\nAC\naccepted\n42\n')
