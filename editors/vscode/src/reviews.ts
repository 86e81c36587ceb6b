/** The commands that start a review, and that dismiss what one found. */

import * as vscode from "vscode";
import type { Range } from "vscode-languageclient/node";
import { codeActions } from "./edits";
import type { FindingReference } from "./fixes";
import { activeDocument } from "./menu";
import { DISMISS, type Dismissed, type DismissScope, REVIEW, REVIEW_ACTION, type Started } from "./protocol";
import type { Server } from "./server";

const NO_CODE = "Open a file of code first, and select the code that it is about.";

/** Reviews the selection; without one the server takes the function around the cursor. */
export async function reviewSelection(server: Server, task: string): Promise<void> {
  const { uri, range } = selected();
  await start(server, { uri, range, task });
}

/** Has the person choose among the tasks that the server offers for the selection. */
export async function reviewByTask(server: Server): Promise<void> {
  const { uri, range } = selected();
  const actions = await codeActions(server, uri, range, REVIEW_ACTION);
  const choices = actions.map((action) => ({ label: action.title, argument: action.command?.arguments?.[0] as object }));
  const chosen = await vscode.window.showQuickPick(choices, { title: "Review the selection, or the function at the cursor" });
  if (chosen) await start(server, chosen.argument);
}

/** Reviews the whole text of a document. */
export async function reviewAll(server: Server, document: vscode.TextDocument, task: string): Promise<void> {
  await start(server, { uri: document.uri.toString(), task });
}

export async function dismiss(server: Server, { uri, id }: FindingReference): Promise<void> {
  const choices: (vscode.QuickPickItem & { scope: DismissScope; reason: string })[] = [
    { label: "Here: false positive", scope: "here", reason: "false positive" },
    { label: "Here: accepted risk", scope: "here", reason: "accepted risk" },
    { label: "In this file", scope: "file", reason: "not for this file" },
    { label: "Everywhere", scope: "everywhere", reason: "not for this project" },
  ];
  const chosen = await vscode.window.showQuickPick(choices, { title: "Dismiss the finding" });
  if (!chosen) return;
  const { scope, reason } = chosen;
  const answer = await server.execute<Dismissed>(DISMISS, { uri, id, scope, reason });
  if (!answer.dismissed) throw new Error(answer.reason);
}

async function start(server: Server, argument: object): Promise<void> {
  const answer = await server.execute<Started>(REVIEW, argument);
  if (!answer.started) throw new Error(answer.reason);
}

/** The selection in the active editor; fails when that shows no code of ours. */
export function selected(): { readonly uri: string; readonly range: Range } {
  const document = activeDocument();
  const selection = vscode.window.activeTextEditor?.selection;
  if (!document || !selection) throw new Error(NO_CODE);
  const { start, end } = selection;
  return {
    uri: document.uri.toString(),
    range: {
      start: { line: start.line, character: start.character },
      end: { line: end.line, character: end.character },
    },
  };
}
