/** The menu behind the item in the status bar, and what can be chosen there. */

import * as vscode from "vscode";
import type { Knowledge } from "./knowledge";
import { type Agent, AGENTS, CANCEL } from "./protocol";
import type { Server } from "./server";
import { change, LANGUAGES } from "./settings";

type Choice = vscode.QuickPickItem & { readonly run?: () => unknown };

export async function showMenu(server: Server, knowledge: Knowledge): Promise<void> {
  const command = (label: string, id: string): Choice => ({
    label,
    run: () => vscode.commands.executeCommand(`backendDeveloper.${id}`),
  });
  const runs = knowledge.status?.runs ?? [];
  const choices: Choice[] = [
    ...runs.map((run) => ({
      label: `$(debug-stop) Cancel: ${run.title}`,
      description: vscode.workspace.asRelativePath(vscode.Uri.parse(run.uri)),
      run: () => server.execute(CANCEL, { runId: run.runId }),
    })),
    command("$(search) Review…", "reviewTask"),
    command("$(edit) Change Code…", "changeCode"),
    command("$(diff-multiple) Show Proposals", "showProposals"),
    command("$(account) Choose Agent…", "chooseAgent"),
    command("$(chip) Choose Model…", "chooseModel"),
    command("$(key) Set API Key…", "setApiKey"),
    command("$(shield) Ask Again Before Code Is Sent", "revokeConsent"),
    { label: "", kind: vscode.QuickPickItemKind.Separator },
    command("$(output) Show Log", "showLog"),
    command("$(pulse) Run Doctor", "doctor"),
    command("$(debug-restart) Restart Server", "restart"),
    command("$(gear) Settings", "openSettings"),
  ];
  const chosen = await vscode.window.showQuickPick(choices, { title: "Backend Developer" });
  await chosen?.run?.();
}

/** Has the person choose one of the agents that the server found for the open file. */
export async function chooseAgent(server: Server): Promise<void> {
  const document = activeDocument();
  const agents = await server.execute<Agent[]>(AGENTS, document ? { uri: document.uri.toString() } : {});
  const choices = agents
    .filter((agent) => agent.wins)
    .map((agent) => ({ label: agent.name, description: `${agent.origin} · ${agent.model || "default model"}`, detail: agent.description }));
  if (!choices.length) throw new Error("Open a file of code first: which agents there are depends on where it lies.");
  const chosen = await vscode.window.showQuickPick(choices, { title: "Which agent reviews?", matchOnDetail: true });
  if (chosen) await change("agent", chosen.label, document?.uri);
}

/** Has the person choose the model of the reviews. */
export async function chooseModel(knowledge: Knowledge): Promise<void> {
  const aliases = knowledge.status?.models ?? [];
  const choices: (vscode.QuickPickItem & { model?: string })[] = [
    { label: "The agent's own", description: "as its file says", model: "" },
    ...aliases.map((alias) => ({ label: alias, model: alias })),
    { label: "Another…", description: "any model id that the endpoint knows" },
  ];
  const chosen = await vscode.window.showQuickPick(choices, { title: "Which model reviews?" });
  if (!chosen) return;
  const model = chosen.model ?? (await vscode.window.showInputBox({ title: "Model alias or id" }))?.trim();
  if (model !== undefined) await change("model", model, activeDocument()?.uri);
}

/** The document in the active editor, when it is in one of our languages. */
export function activeDocument(): vscode.TextDocument | undefined {
  const document = vscode.window.activeTextEditor?.document;
  return document && LANGUAGES.includes(document.languageId) ? document : undefined;
}
