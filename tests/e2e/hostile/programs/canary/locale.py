# tries: legitimate: locale and text beyond ASCII
# stdin: \xc3\xa9\xe2\x82\xac
# expect: \A2 UTF-8 .\xc3\xa9\xe2\x82\xac.\n\Z
import locale
import sys

locale.setlocale(locale.LC_ALL, "")
text = sys.stdin.read()
print(len(text), locale.nl_langinfo(locale.CODESET).upper(), repr(text))
