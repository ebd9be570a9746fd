"""`stackup image rm`: the names that are gone, and the images that went with the last of theirs."""

from __future__ import annotations

from stackup.cli.removing import remove_each
from stackup.cli.views.stored import familiar
from stackup.project.image import remove

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stackup.cli.call import Call
    from stackup.cli.options import Options


def run(call: Call, options: Options) -> int:
    session, force = call.session(), options.flag("force")

    def told(reference: str) -> list[str]:
        names, image = remove(session, reference, force=force)
        return [f"Untagged: {familiar(one)}" for one in names] + ([f"Deleted: {image}"] if image else [])

    return remove_each(call, options.texts("references"), told)
