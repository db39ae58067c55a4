"""What a code change is called, from its address alone."""

import pytest

from bot.links import change_name


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("https://github.com/DataDog/dd-trace-py/pull/11534", "DataDog/dd-trace-py#11534"),
        ("https://github.com/DataDog/dd-trace-py/commit/7d30c2d6703e21ea3dc94ec", "DataDog/dd-trace-py@7d30c2d6"),
        ("https://github.com/acme/repos/pull/3", "acme/repos#3"),
        ("https://gitlab.example.org/group/sub/project/-/merge_requests/2", "sub/project!2"),
        ("https://gitlab.com/group/project/-/commit/0a1b2c3d", "group/project@0a1b2c3d"),
        ("https://bitbucket.org/atlassian/atlaskit-mk-2/pull-requests/8", "atlassian/atlaskit-mk-2#8"),
        ("https://gitlab.com/group/project/merge_requests/2", "group/project!2"),
        ("https://bitbucket.org/atlassian/atlaskit-mk-2/pull-request/8", "atlassian/atlaskit-mk-2#8"),
        ("https://codeberg.org/forgejo/forgejo/pulls/7", "forgejo/forgejo#7"),
        ("https://git.example.org/scm/projects/OPS/repos/api/pull-requests/77", "OPS/api#77"),
        ("https://git.example.org/projects/OPS/repos/api/commits/37af022ca2", "OPS/api@37af022c"),
        ("https://dev.azure.com/org/my%20project/_git/repo/pullrequest/123", "my project/repo!123"),
        ("https://dev.azure.com/org/_git/repo/pullrequest/123", "org/repo!123"),
        ("https://org.visualstudio.com/_git/repo/pullrequest/123", "repo!123"),
        ("https://github.com/acme/api", ""),
        ("https://github.com/acme/api/issues/3", ""),
        ("https://gitlab.com/-/commit/0a1b2c3d", ""),
        ("not an address", ""),
        ("", ""),
    ],
)
def test_a_code_change_is_called_as_its_house_writes_it(address: str, name: str) -> None:
    assert change_name(address) == name
