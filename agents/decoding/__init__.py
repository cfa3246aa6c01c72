"""Decoding controls: how one reply is written, beyond sampling. docs/strategies.md has the table of them.

Each control is a pure plan (`pieces.Plan`): it says which piece of text to ask for next and is told what came. Only
`perform` talks to a model, through the calls that reserve the budget; `requirements` refuses, before a token is spent,
what a model cannot do.
"""
