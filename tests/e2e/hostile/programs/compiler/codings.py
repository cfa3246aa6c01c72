# tries: a source in a coding that hides code in comments
# coding: utf-7
# expect: \ACONTAINED\n(hidden\n)?\Z|\A\Z
# compile: any
# accept: ok, exit
print("CONTAINED")
# +AAo-print("hidden")
