/** The fixes of findings: applied as they are, or shown as a diff first. */

import * as vscode from "vscode";
import type { CodeAction } from "vscode-languageclient/node";
import { CHANGED, codeActions, isOfLatest, makeEdit, openDocument } from "./edits";
import { type ActionData, type Finding, FINDINGS, type FixAction } from "./protocol";
import { openPreview } from "./preview";
import type { Server } from "./server";

/** Names a finding; all that a command of ours is given. */
export interface FindingReference {
  readonly uri: string;
  readonly id: string;
}

/** Applies a finding's fix; one that wants to be confirmed opens in Refactor Preview. */
export async function applyFix(server: Server, reference: FindingReference): Promise<void> {
  const { fix } = await findFix(server, reference);
  await makeEdit(server, fix.edit);
}

/** Opens a finding's fix as a diff, in which it can be applied or discarded. */
export async function previewFix(server: Server, reference: FindingReference): Promise<void> {
  const { fix, client } = await findFix(server, reference);
  const edit = await client.protocol2CodeConverter.asWorkspaceEdit(fix.edit);
  const document = openDocument(reference.uri);
  if (!document || !isOfLatest(fix.edit)) throw new Error(CHANGED);
  const edits = edit.entries().flatMap(([, one]) => one);
  await openPreview({ title: fix.title, document, version: document.version, edits });
}

/** The server's code actions, and after them, for each fix among them, one that shows its diff. */
export function withPreviews(
  actions: readonly (vscode.CodeAction | vscode.Command)[],
  uri: vscode.Uri,
): (vscode.CodeAction | vscode.Command)[] {
  const previews = actions.flatMap((action) => {
    const id = fixedBy(action);
    if (!id) return [];
    const title = `Preview as a diff: ${action.title}`;
    const preview = new vscode.CodeAction(title, vscode.CodeActionKind.QuickFix);
    const reference: FindingReference = { uri: uri.toString(), id };
    // VS Code lists first what is about a problem.
    if (action instanceof vscode.CodeAction) preview.diagnostics = action.diagnostics;
    preview.command = { title, command: "backendDeveloper.previewFix", arguments: [reference] };
    return [preview];
  });
  const afterFixes = actions.reduce((last, action, index) => (fixedBy(action) ? index + 1 : last), 0);
  return [...actions.slice(0, afterFixes), ...previews, ...actions.slice(afterFixes)];
}

async function findFix(server: Server, { uri, id }: FindingReference) {
  const findings = await server.execute<Finding[]>(FINDINGS, { uri });
  const finding = findings.find((one) => one.id === id);
  const client = server.client;
  if (!finding || !client) throw new Error("The finding is not there any more.");
  const actions = await codeActions(server, uri, finding.range, "quickfix");
  const fix = actions.find((action): action is CodeAction & FixAction => fixedBy(action) === id && !!action.edit);
  if (!fix) throw new Error("There is no checked fix for this finding.");
  return { fix, client };
}

/** The id of the finding that a code action of the server's fixes; the server says so in its data. */
function fixedBy(action: object): string | undefined {
  const { data } = action as { data?: ActionData };
  return data?.isFix ? data.about : undefined;
}
