"""Every word the bot says, as Block Kit.

The laws: a card is a function of its insights; everything from outside is `plain_text` or escaped, so that a monitor
called `<!channel>` pings nobody; `text` alone is a whole sentence, because notifications show only that.
"""
