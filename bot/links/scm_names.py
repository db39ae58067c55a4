"""The name of a code change, from its address alone: `owner/repo#123`, `group/project!2`, `owner/repo@7d30c2d6`."""

from urllib.parse import unquote, urlsplit

_SIGNS = {
    **dict.fromkeys(("pull", "pulls", "pull-request", "pull-requests"), "#"),
    **dict.fromkeys(("merge_requests", "pullrequest"), "!"),
    **dict.fromkeys(("commit", "commits"), "@"),
}
"""The sign before the number, by the part of the path before it."""
_SHA_CHARS = 8


def change_name(address: str) -> str:
    """The name of an SCM_URL by its resource_id; empty if the address has no known form."""
    parts = [unquote(part) for part in urlsplit(address).path.split("/") if part]
    if len(parts) < 4 or parts[-2] not in _SIGNS:
        return ""
    # GitLab writes /group/project/-/merge_requests/2.
    *before, repository = parts[:-3] if parts[-3] == "-" else parts[:-2]
    # Azure DevOps and Bitbucket Server: /project/_git/repository/…, /projects/OPS/repos/repository/…
    owner = next((part for part in reversed(before) if part not in ("_git", "repos")), "")
    sign = _SIGNS[parts[-2]]
    number = parts[-1][:_SHA_CHARS] if sign == "@" else parts[-1]
    return f"{f'{owner}/' if owner else ''}{repository}{sign}{number}"
