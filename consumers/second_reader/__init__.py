"""The optional second reader: a language model in the district's own network, asked about unsure reports.

Off unless FENGHUO_SECOND_READER_URL is set, and then alone imported. Its answer is one of our own values or
nothing, and `lifting.lifted` is all that it may do.
"""
