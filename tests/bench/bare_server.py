"""The reference of the benchmarks: what pygls alone costs, with one code action."""

from lsprotocol import types
from pygls.lsp.server import LanguageServer

server = LanguageServer("bare", "0")


@server.feature(types.TEXT_DOCUMENT_CODE_ACTION)
def code_action(params: types.CodeActionParams) -> list[types.CodeAction]:
    return [types.CodeAction(title="Nothing", kind=types.CodeActionKind.Empty)]


if __name__ == "__main__":
    server.start_io()
