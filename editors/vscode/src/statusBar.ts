/** The item in the status bar: what goes on, how many findings, which model, what it used today. */

import * as vscode from "vscode";
import type { Knowledge } from "./knowledge";
import type { Status } from "./protocol";
import type { Server } from "./server";

export function createStatusBar(server: Server, knowledge: Knowledge): vscode.Disposable {
  const item = vscode.window.createStatusBarItem("backendDeveloper.status", vscode.StatusBarAlignment.Left, 10);
  item.name = "Backend Developer";
  item.command = "backendDeveloper.showMenu";

  function render(): void {
    item.text = text(server, knowledge.status);
    item.tooltip = tooltip(server, knowledge.status);
    item.backgroundColor =
      server.state === "missing" || server.state === "stopped"
        ? new vscode.ThemeColor("statusBarItem.warningBackground")
        : undefined;
    item.show();
  }

  render();
  return vscode.Disposable.from(
    item,
    server.onDidChange(render),
    knowledge.onDidChange(render),
    vscode.window.onDidChangeActiveTextEditor(render),
  );
}

function text(server: Server, status: Status | undefined): string {
  switch (server.state) {
    case "missing":
      return "$(warning) Backend Developer: not installed";
    case "stopped":
      return "$(warning) Backend Developer: stopped";
    case "starting":
      return "$(loading~spin) Backend Developer";
    case "running": {
      const [run, ...others] = status?.runs ?? [];
      if (run) return `$(loading~spin) ${run.title}${others.length ? ` +${others.length}` : ""}`;
      const document = ofActiveEditor(status);
      if (!document) return "$(server-process) Backend Developer";
      return `$(server-process) ${counted(document.findings, "finding")} · ${engineOf(document.engine)}`;
    }
  }
}

function tooltip(server: Server, status: Status | undefined): vscode.MarkdownString {
  const lines = ["Backend Developer"];
  const document = ofActiveEditor(status);
  if (server.state !== "running") lines.push(server.state === "missing" ? "The server is not installed." : server.state);
  for (const run of status?.runs ?? []) lines.push(`Running: ${run.title}`);
  if (document) lines.push(`Reviews by: ${engineOf(document.engine)}`);
  for (const { program, findsIn } of status?.missingLinters ?? []) {
    lines.push(`${program} is not installed, so less is found in ${findsIn}.`);
  }
  const used = status?.usage ?? [];
  for (const { model, inputTokens, cachedTokens, outputTokens, cost } of used) {
    const cached = cachedTokens ? ` (${Math.round((100 * cachedTokens) / inputTokens)}% cached)` : "";
    const money = cost === null ? "cost unknown" : `$${cost.toFixed(cost < 0.1 ? 3 : 2)}`;
    const read = `${inputTokens.toLocaleString()}${cached}`;
    lines.push(`Today: ${model} read ${read} and wrote ${counted(outputTokens, "token")}, ${money}`);
  }
  if (!used.length) lines.push("Today: no model was asked");
  lines.push("Of all your editors and terminals here, by the table of prices; the provider's bill decides.");
  return new vscode.MarkdownString().appendText(lines.join("\n\n"));
}

/** What is known of the document in the active editor; undefined when it is none of ours. */
function ofActiveEditor(status: Status | undefined): Status["documents"][number] | undefined {
  const uri = vscode.window.activeTextEditor?.document.uri.toString();
  return status?.documents.find((document) => vscode.Uri.parse(document.uri).toString() === uri);
}

/** `agent: claude-sonnet-5-5` as the model alone: there is no room for more. */
function engineOf(engine: string): string {
  return engine.replace(/^agent: /, "") || "local";
}

function counted(count: number, noun: string): string {
  return `${count ? count.toLocaleString() : "no"} ${noun}${count === 1 ? "" : "s"}`;
}
