/** The first steps: a walkthrough, and a sample to review with no key. */

import * as vscode from "vscode";
import type { Knowledge } from "./knowledge";
import { reviewAll } from "./reviews";
import type { Server } from "./server";
import { SECTION } from "./settings";

const WELCOMED = "welcomed";

/**
 * Opens the walkthrough beside the code, once, after the first review that the local engine did
 * alone though the person did not ask for that.
 */
export async function welcome(context: vscode.ExtensionContext, knowledge: Knowledge): Promise<void> {
  const engine = vscode.workspace.getConfiguration(SECTION).get("engine");
  const isAlone = knowledge.status?.documents.some((document) => document.engine === "local") ?? false;
  if (engine === "local" || !isAlone || context.globalState.get(WELCOMED)) return;
  await context.globalState.update(WELCOMED, true);
  await openWalkthrough(context, true);
}

export async function openWalkthrough(context: vscode.ExtensionContext, toSide = false): Promise<void> {
  await vscode.commands.executeCommand("workbench.action.openWalkthrough", `${context.extension.id}#start`, toSide);
}

/** Opens a copy of our sample, which is of no file, and reviews it. */
export async function reviewSample(context: vscode.ExtensionContext, server: Server): Promise<void> {
  const sample = vscode.Uri.joinPath(context.extensionUri, "walkthrough", "sample.py");
  const content = new TextDecoder().decode(await vscode.workspace.fs.readFile(sample));
  const document = await vscode.workspace.openTextDocument({ language: "python", content });
  await vscode.window.showTextDocument(document);
  await reviewAll(server, document, "everything");
}
