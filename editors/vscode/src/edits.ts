/** Code actions that are asked for by a place, and their edits, made as a person picked them. */

import * as vscode from "vscode";
import { type CodeAction, type Range, TextDocumentEdit, type WorkspaceEdit } from "vscode-languageclient/node";
import type { Server } from "./server";

export const CHANGED = "The code has changed since then; look at it again.";

/** What the server offers there, of that kind and of those below it. */
export async function codeActions(server: Server, uri: string, range: Range, kind: string): Promise<readonly CodeAction[]> {
  const actions = await server.client?.sendRequest<CodeAction[] | null>("textDocument/codeAction", {
    textDocument: { uri },
    range,
    context: { diagnostics: [], only: [kind] },
  });
  return actions ?? [];
}

/** Makes an edit of the server's, if every open document that it is about is as the edit says. */
export async function makeEdit(server: Server, edit: WorkspaceEdit): Promise<void> {
  if (!server.client || !isOfLatest(edit)) throw new Error(CHANGED);
  const converted = await server.client.protocol2CodeConverter.asWorkspaceEdit(edit);
  // As with a code action, what changes several files is saved where the person has it so.
  if (!(await vscode.workspace.applyEdit(converted, { isRefactoring: true }))) throw new Error(CHANGED);
}

/** Whether each document that the edit names a version of is open in that version. */
export function isOfLatest(edit: WorkspaceEdit): boolean {
  const edits = (edit.documentChanges ?? []).filter((one) => TextDocumentEdit.is(one));
  return edits.every(
    ({ textDocument: { uri, version } }) => version === null || openDocument(uri)?.version === version,
  );
}

export function openDocument(uri: string): vscode.TextDocument | undefined {
  const wanted = vscode.Uri.parse(uri).toString();
  return vscode.workspace.textDocuments.find((document) => document.uri.toString() === wanted);
}
