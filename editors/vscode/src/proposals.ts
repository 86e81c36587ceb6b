/**
 * What the agent proposes: told of, shown as diffs, taken whole or in part, had otherwise. Nothing
 * changes before a person takes it.
 */

import * as vscode from "vscode";
import { CHANGED, codeActions, makeEdit } from "./edits";
import {
  ALLOW,
  DISCARD,
  NARROW,
  type Proposal,
  type ProposalData,
  type ProposedFile,
  PROPOSALS,
  type Proposed,
  REFINE,
} from "./protocol";
import { closeTabs } from "./preview";
import { messageOf, type Server } from "./server";

export const PROPOSAL_SCHEME = "backend-developer-proposal";

/** Whether the active editor shows a proposal, for the buttons above it. */
const SHOWS_PROPOSAL = "backendDeveloper.showsProposal";

interface Shown {
  /** How its tab's label begins: VS Code tells nothing else of a tab with the diffs of several files. */
  readonly title: string;
  readonly proposal: Proposal;
}

/** The proposals that are open as diffs, by the number in the addresses of their texts. */
const shown = new Map<string, Shown>();
let number = 0;

/** Tells of what the server proposes, serves the texts of the diffs, and knows which is in front. */
export function registerProposals(server: Server): vscode.Disposable {
  const look = () => void vscode.commands.executeCommand("setContext", SHOWS_PROPOSAL, inFront() !== undefined);
  return vscode.Disposable.from(
    server.onDidPropose((proposed) => void arrived(server, proposed).catch(complain)),
    vscode.workspace.registerTextDocumentContentProvider(PROPOSAL_SCHEME, {
      provideTextDocumentContent: ({ path, query }) => textOf(server, path, query),
    }),
    vscode.window.tabGroups.onDidChangeTabs(({ closed }) => {
      for (const [key, { title }] of shown) {
        if (closed.some((tab) => isOf(tab, title))) shown.delete(key);
      }
      look();
    }),
    vscode.window.tabGroups.onDidChangeTabGroups(look),
    // The server tells of every change of its proposals by their markers; another one knows none.
    vscode.languages.onDidChangeDiagnostics(() => void closeGone(server)),
    server.onDidChange(() => void closeGone(server)),
  );
}

// --- What a person can do with the one in front

export const takeShown = (server: Server) => withShown((id) => take(server, id));
export const pickFromShown = (server: Server) => withShown((id) => pick(server, id));
export const refineShown = () => withShown(refine);
export const readShown = () => withShown(read);
export const discardShown = (server: Server) => withShown((id) => discard(server, id));

/** Has the person choose among all proposals of this window, and shows that one. */
export async function showProposals(server: Server): Promise<void> {
  const proposals = await server.execute<Proposal[]>(PROPOSALS, {});
  if (!proposals.length) throw new Error("There are no proposals: have code changed first, by its code actions.");
  const choices = proposals.map(({ id, title, uri, line, state, message }) => ({
    label: title,
    description: `${vscode.workspace.asRelativePath(vscode.Uri.parse(uri))}:${line + 1} · ${state}`,
    detail: message,
    id,
  }));
  const chosen = await vscode.window.showQuickPick(choices, { title: "Show which proposal?", matchOnDescription: true });
  if (chosen) await preview(server, chosen.id);
}

/** Opens the diff of each file of a proposal, in one editor; one of words alone as a page. */
export async function preview(server: Server, id: string): Promise<void> {
  const proposal = await find(server, id);
  if (!proposal.files.length) {
    await read(id);
    return;
  }
  await closePreviews(id);
  const key = String(++number);
  const title = unusedTitle(`Proposal: ${proposal.title}`);
  shown.set(key, { title, proposal });
  const side = (file: ProposedFile, name: "before" | "after") =>
    vscode.Uri.from({ scheme: PROPOSAL_SCHEME, path: `/${file.path}`, query: `${name} ${key}` });
  const [only, ...others] = proposal.files;
  if (only && !others.length) {
    await vscode.commands.executeCommand("vscode.diff", side(only, "before"), side(only, "after"), title);
    return;
  }
  const sides = proposal.files.map((file) => [
    vscode.Uri.parse(file.uri),
    file.isNew ? undefined : side(file, "before"),
    side(file, "after"),
  ]);
  await vscode.commands.executeCommand("vscode.changes", title, sides);
}

// --- Telling of it

async function arrived(server: Server, { id, insteadOf }: Proposed): Promise<void> {
  if (await closePreviews(insteadOf)) await preview(server, id);
  await tell(server, await find(server, id));
}

/** Says what is proposed, with buttons for what can be done about it, the most wanted first. */
async function tell(server: Server, proposal: Proposal): Promise<void> {
  const choices = choicesOf(server, proposal);
  const isBad = proposal.state === "refused" || proposal.state === "touched";
  const show = isBad ? vscode.window.showWarningMessage : vscode.window.showInformationMessage;
  const { client } = server;
  const chosen = await show(withoutLinks(proposal.message), ...choices.keys());
  if (chosen === undefined) return;
  // Another server gives the same ids to other proposals.
  if (server.client !== client) throw new Error("The server was restarted since then: have the task done again.");
  await choices.get(chosen)?.();
}

/** What a model wrote, for a message of VS Code's: a link in one may run a command. */
function withoutLinks(text: string): string {
  return text.replaceAll("](", "] (");
}

function choicesOf(server: Server, { id, state, dependencies, canBeRefined }: Proposal): Map<string, () => Promise<void>> {
  const all = {
    take: ["Take", () => take(server, id)],
    preview: ["Preview", () => preview(server, id)],
    refine: ["Refine…", () => refine(id)],
    again: ["Ask Again", () => askAgain(id)],
    read: ["Read", () => read(id)],
    discard: ["Discard", () => discard(server, id)],
  } as const;
  const asks = canBeRefined ? [all.refine] : [];
  const asksAgain = canBeRefined ? [all.again] : [];
  const unknown = dependencies.filter(({ isAllowed }) => !isAllowed);
  const allows = unknown.map(({ name }) => [`Allow ${name}`, () => allow(server, id, name)] as const);
  switch (state) {
    case "offered":
      return new Map([all.take, all.preview, ...asks, all.discard]);
    case "waiting for yes":
      return new Map([...allows, all.preview, ...asks, all.discard]);
    case "touched":
      return new Map([...asksAgain, all.preview, all.discard]);
    case "refused":
      return new Map([...asksAgain, all.read, all.discard]);
    case "answered":
      return new Map([all.read, ...asks, all.discard]);
    case "taken":
      return new Map();
  }
}

// --- Doing it

/** Makes the changes, as the code action at its marker would; where that cannot be, says why. */
async function take(server: Server, id: string): Promise<void> {
  const proposal = await find(server, id);
  if (proposal.state === "taken") throw new Error("That proposal is taken already: Undo in one of its files takes it back.");
  if (proposal.state !== "offered") {
    await tell(server, proposal);
    return;
  }
  // The server answers for open documents alone.
  const document = await vscode.workspace.openTextDocument(vscode.Uri.parse(proposal.uri));
  const place = { line: proposal.line, character: 0 };
  const uri = server.client?.code2ProtocolConverter.asUri(document.uri) ?? proposal.uri;
  const actions = await codeActions(server, uri, { start: place, end: place }, "quickfix");
  const action = actions.find(({ data }) => isTaking(data as ProposalData | undefined, id));
  if (!action?.edit) throw new Error(CHANGED);
  await makeEdit(server, action.edit);
  // So that the server knows of files which no document shows it.
  if (action.command) await server.execute(action.command.command, (action.command.arguments?.[0] ?? {}) as object);
  await closePreviews(id);
  if (proposal.steps.length) {
    const steps = proposal.steps.map(({ text }) => text).join(" ");
    void vscode.window.showInformationMessage(withoutLinks(`${proposal.title} is taken. Now by hand: ${steps}`));
  }
}

function isTaking(data: ProposalData | undefined, id: string): boolean {
  return data?.proposal === id && data.edit === "take";
}

/** Has the person pick among its hunks; those come back as a proposal of their own. */
async function pick(server: Server, id: string): Promise<void> {
  const { title, files } = await find(server, id);
  const choices = files.filter((file) => file.state === "waiting").flatMap(hunksOf);
  const options = { title: `Which changes of “${title}”?`, canPickMany: true, matchOnDescription: true } as const;
  const chosen = await vscode.window.showQuickPick(choices, options);
  if (!chosen?.length) return;
  const hunks: Record<string, number[]> = {};
  for (const { path, index } of chosen) hunks[path] = [...(hunks[path] ?? []), index];
  await vscode.commands.executeCommand(NARROW, { id, files: Object.keys(hunks), hunks });
}

function hunksOf(file: ProposedFile): (vscode.QuickPickItem & { readonly path: string; readonly index: number })[] {
  return file.places.map(({ first, last, text }, index) => {
    const lines = first === last ? `line ${first + 1}` : `lines ${first + 1}–${last + 1}`;
    const label = file.isNew ? `${file.path}: new, ${file.added} lines` : `${file.path}: ${lines}`;
    return { label, description: text, picked: true, path: file.path, index };
  });
}

async function refine(id: string): Promise<void> {
  await vscode.commands.executeCommand(REFINE, { id, asks: "How should it be otherwise?" });
}

async function askAgain(id: string): Promise<void> {
  await vscode.commands.executeCommand(REFINE, { id });
}

async function allow(server: Server, id: string, name: string): Promise<void> {
  await server.execute(ALLOW, { id, name });
  await tell(server, await find(server, id));
}

async function discard(server: Server, id: string): Promise<void> {
  await closePreviews(id);
  await server.execute(DISCARD, { id });
}

/** Opens what there is to read of it: the explanation, and what goes with the files. */
async function read(id: string): Promise<void> {
  const page = vscode.Uri.from({ scheme: PROPOSAL_SCHEME, path: "/Proposal.md", query: `page ${id}` });
  await vscode.commands.executeCommand("markdown.showPreview", page);
}

// --- Helpers

async function find(server: Server, id: string): Promise<Proposal> {
  const [proposal] = await server.execute<Proposal[]>(PROPOSALS, { id });
  if (!proposal) throw new Error("That proposal is not there any more.");
  return proposal;
}

async function textOf(server: Server, path: string, query: string): Promise<string> {
  const [side, key = ""] = query.split(" ");
  if (side === "page") return (await find(server, key)).page;
  const file = shown.get(key)?.proposal.files.find((one) => `/${one.path}` === path);
  return (side === "before" ? file?.before : file?.after) ?? "";
}

/** The title, with a number where another proposal is shown by it. */
function unusedTitle(title: string): string {
  const used = [...shown.values()].map((one) => one.title);
  for (let copy = 1; ; copy++) {
    const numbered = copy === 1 ? title : `${title} ${copy}`;
    if (!used.includes(numbered)) return numbered;
  }
}

async function withShown(run: (id: string) => Promise<void>): Promise<void> {
  const id = inFront()?.proposal.id;
  if (id !== undefined) await run(id);
}

function inFront(): Shown | undefined {
  const { activeTab } = vscode.window.tabGroups.activeTabGroup;
  return activeTab && [...shown.values()].find(({ title }) => isOf(activeTab, title));
}

/** VS Code adds the number of files to the label of the diffs of several. */
function isOf({ label }: vscode.Tab, title: string): boolean {
  return label === title || label.startsWith(`${title} (`);
}

/** Closes the diffs of a proposal; whether there were any. */
async function closePreviews(id: string): Promise<boolean> {
  const titles = [...shown.values()].filter(({ proposal }) => proposal.id === id).map(({ title }) => title);
  await closeTabs((tab) => titles.some((title) => isOf(tab, title)));
  return titles.length > 0;
}

/** Closes the diffs of what was taken, had otherwise or discarded elsewhere. */
async function closeGone(server: Server): Promise<void> {
  if (!shown.size) return;
  const proposals =
    server.state === "running" ? await server.execute<Proposal[]>(PROPOSALS, {}).catch(() => undefined) : [];
  const open = proposals?.filter(({ state }) => state !== "taken").map(({ id }) => id);
  const gone = [...shown.values()].map(({ proposal }) => proposal.id).filter((id) => open && !open.includes(id));
  for (const id of gone) await closePreviews(id);
}

function complain(error: unknown): void {
  void vscode.window.showErrorMessage(messageOf(error));
}
