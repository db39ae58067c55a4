"""What a code change is called, from its address alone: `owner/repo#123`, `group/project!2`, `owner/repo@7d30c2d6`."""

from urllib.parse import unquote, urlsplit

SIGNS = {
    "pull": "#",
    "pull-requests": "#",
    "merge_requests": "!",
    "pullrequest": "!",
    "commit": "@",
    "commits": "@",
}
"""How each house writes it, by the part of the path before the number."""
SHA_CHARS = 8


def change_name(address: str) -> str:
    """The name of an SCM_URL by its resource_id; empty where the address is of no known form."""
    parts = [unquote(part) for part in urlsplit(address).path.split("/") if part]
    if len(parts) < 4 or parts[-2] not in SIGNS:
        return ""
    # GitLab writes /group/project/-/merge_requests/2.
    *before, repository = parts[:-3] if parts[-3] == "-" else parts[:-2]
    # Azure DevOps and Bitbucket Server: /project/_git/repository/…, /projects/OPS/repos/repository/…
    owner = next((part for part in reversed(before) if part not in ("_git", "repos")), "")
    sign = SIGNS[parts[-2]]
    number = parts[-1][:SHA_CHARS] if sign == "@" else parts[-1]
    return f"{owner}/{repository}{sign}{number}" if owner else f"{repository}{sign}{number}"
