/** The tree of findings, by file, focus or severity. */

import * as vscode from "vscode";
import type { Knowledge } from "./knowledge";
import type { Finding, Severity } from "./protocol";

type Grouping = "file" | "focus" | "severity";

interface Group {
  readonly name: string;
  readonly findings: readonly Finding[];
}

type Node = Group | Finding;

const SEVERITIES: readonly Severity[] = ["error", "warning", "information", "hint"];
const ICONS: Record<Severity, vscode.ThemeIcon> = {
  error: new vscode.ThemeIcon("error", new vscode.ThemeColor("problemsErrorIcon.foreground")),
  warning: new vscode.ThemeIcon("warning", new vscode.ThemeColor("problemsWarningIcon.foreground")),
  information: new vscode.ThemeIcon("info", new vscode.ThemeColor("problemsInfoIcon.foreground")),
  hint: new vscode.ThemeIcon("lightbulb"),
};
const GROUPING = "findingsGrouping";

/** Shows the view, and has a command choose what it is grouped by. */
export function createFindingsView(context: vscode.ExtensionContext, knowledge: Knowledge): vscode.Disposable {
  const changed = new vscode.EventEmitter<void>();
  let drawn = "[]";
  const grouping = () => context.workspaceState.get<Grouping>(GROUPING, "file");
  const view = vscode.window.createTreeView<Node>("backendDeveloper.findings", {
    showCollapseAll: true,
    treeDataProvider: {
      onDidChangeTreeData: changed.event,
      getChildren: (node) =>
        node === undefined ? groups(knowledge.findings, grouping()) : "findings" in node ? [...node.findings] : [],
      getTreeItem: (node) => ("findings" in node ? groupItem(node, grouping()) : findingItem(node, grouping())),
    },
  });
  return vscode.Disposable.from(
    view,
    changed,
    knowledge.onDidChange(() => {
      // Drawn anew for nothing, it would lose a click that is under way.
      const now = JSON.stringify(knowledge.findings);
      if (now === drawn) return;
      drawn = now;
      const count = knowledge.findings.length;
      view.badge = count ? { value: count, tooltip: `${count} finding${count === 1 ? "" : "s"}` } : undefined;
      changed.fire();
    }),
    // Names of files are shown by the folders that they lie in.
    vscode.workspace.onDidChangeWorkspaceFolders(() => {
      changed.fire();
    }),
    vscode.commands.registerCommand("backendDeveloper.groupFindings", async () => {
      const choices: (vscode.QuickPickItem & { grouping: Grouping })[] = [
        { label: "$(file) File", grouping: "file" },
        { label: "$(target) Focus", description: "API design, security, performance", grouping: "focus" },
        { label: "$(warning) Severity", grouping: "severity" },
      ];
      const chosen = await vscode.window.showQuickPick(choices, { title: "Group findings by" });
      if (!chosen) return;
      await context.workspaceState.update(GROUPING, chosen.grouping);
      changed.fire();
    }),
  );
}

function groups(findings: readonly Finding[], grouping: Grouping): Group[] {
  const key: Record<Grouping, (finding: Finding) => string> = {
    file: (finding) => finding.uri,
    focus: (finding) => finding.focus,
    severity: (finding) => finding.severity,
  };
  const named = new Map<string, Finding[]>();
  for (const finding of findings) {
    const name = key[grouping](finding);
    named.set(name, [...(named.get(name) ?? []), finding]);
  }
  const order = (name: string) => (grouping === "severity" ? SEVERITIES.indexOf(name as Severity) : name);
  return [...named]
    .map(([name, members]) => ({ name, findings: members }))
    .sort((one, other) => (order(one.name) < order(other.name) ? -1 : 1));
}

function groupItem({ name, findings }: Group, grouping: Grouping): vscode.TreeItem {
  const label = { "api-design": "API design", security: "Security", performance: "Performance" }[name];
  const item =
    grouping === "file"
      ? new vscode.TreeItem(vscode.Uri.parse(name), vscode.TreeItemCollapsibleState.Expanded)
      : new vscode.TreeItem(label ?? sentenceCase(name), vscode.TreeItemCollapsibleState.Expanded);
  item.id = `${grouping}:${name}`;
  // With the address of a file, VS Code draws its icon and its problems itself.
  item.iconPath = grouping === "file" ? vscode.ThemeIcon.File : grouping === "severity" ? ICONS[name as Severity] : undefined;
  item.description = grouping === "file" ? folderOf(vscode.Uri.parse(name)) : String(findings.length);
  return item;
}

function findingItem(finding: Finding, grouping: Grouping): vscode.TreeItem {
  const item = new vscode.TreeItem(finding.title);
  const line = finding.range.start.line + 1;
  const name = vscode.workspace.asRelativePath(vscode.Uri.parse(finding.uri));
  item.id = `${grouping}:${finding.uri}:${finding.id}`;
  item.description = grouping === "file" ? `line ${line}` : `${name}:${line}`;
  item.iconPath = ICONS[finding.severity];
  item.tooltip = new vscode.MarkdownString().appendText(`${finding.message}\n\n${finding.rule}`);
  if (finding.fix) item.tooltip.appendText(`\n\nFix: ${finding.fix}`);
  item.contextValue = finding.fix ? "finding fix" : "finding";
  item.command = { title: "Open", command: "backendDeveloper.openFinding", arguments: [finding] };
  return item;
}

function sentenceCase(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

function folderOf(uri: vscode.Uri): string {
  const parts = vscode.workspace.asRelativePath(uri).split("/");
  return parts.slice(0, -1).join("/");
}
