"""Every word the bot says, as Block Kit.

The laws: a card is a function of its insights; everything from outside is `plain_text` or escaped (`text.py`), so that
a monitor called `<!channel>` pings nobody, and one called `*` changes nothing around it; `text` alone is a whole
sentence, because notifications show only that.
"""
