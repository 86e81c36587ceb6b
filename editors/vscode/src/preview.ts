/** A change of one document, shown as a diff with Apply and Discard. Nothing changes before Apply. */

import * as vscode from "vscode";

export const PREVIEW_SCHEME = "backend-developer-preview";

export interface Preview {
  readonly title: string;
  readonly document: vscode.TextDocument;
  /** The version of `document` that `edits` are true of. */
  readonly version: number;
  readonly edits: readonly vscode.TextEdit[];
}

/** What is open, by the address of the diff's right side. */
const previews = new Map<string, Preview & { readonly text: string }>();
let number = 0;

/** Opens the diff between the document and what the edits make of it. */
export async function openPreview(preview: Preview): Promise<void> {
  const { document, title } = preview;
  const right = vscode.Uri.from({ scheme: PREVIEW_SCHEME, path: document.uri.path, query: String(++number) });
  previews.set(right.toString(), { ...preview, text: applied(document, preview.edits) });
  const name = vscode.workspace.asRelativePath(document.uri);
  await vscode.commands.executeCommand("vscode.diff", document.uri, right, `${title} (${name})`, { preview: true });
}

/** Takes the change over into the document, which must still be the one that was previewed. */
export async function applyPreview(): Promise<void> {
  const tab = activePreview();
  const preview = tab && previews.get(tab.right.toString());
  if (!preview) return;
  const edit = new vscode.WorkspaceEdit();
  edit.set(preview.document.uri, [...preview.edits]);
  if (preview.document.version !== preview.version || !(await vscode.workspace.applyEdit(edit))) {
    throw new Error("The code has changed since this preview was opened: discard it, and look at the fix again.");
  }
  await close(tab.right);
  await vscode.window.showTextDocument(preview.document);
}

export async function discardPreview(): Promise<void> {
  const tab = activePreview();
  if (tab) await close(tab.right);
}

/** Serves the right sides, and forgets the ones that are closed. */
export function registerPreviews(): vscode.Disposable {
  return vscode.Disposable.from(
    vscode.workspace.registerTextDocumentContentProvider(PREVIEW_SCHEME, {
      provideTextDocumentContent: (uri) => previews.get(uri.toString())?.text ?? "",
    }),
    vscode.workspace.onDidCloseTextDocument((document) => previews.delete(document.uri.toString())),
  );
}

function applied(document: vscode.TextDocument, edits: readonly vscode.TextEdit[]): string {
  const text = document.getText();
  const inOrder = [...edits].sort((one, other) => one.range.start.compareTo(other.range.start));
  let end = 0;
  const pieces = inOrder.map((edit) => {
    const kept = text.slice(end, document.offsetAt(edit.range.start));
    end = document.offsetAt(edit.range.end);
    return kept + edit.newText;
  });
  return pieces.join("") + text.slice(end);
}

function activePreview(): { readonly right: vscode.Uri } | undefined {
  const input = vscode.window.tabGroups.activeTabGroup.activeTab?.input;
  return input instanceof vscode.TabInputTextDiff && input.modified.scheme === PREVIEW_SCHEME
    ? { right: input.modified }
    : undefined;
}

async function close(right: vscode.Uri): Promise<void> {
  await closeTabs(
    ({ input }) => input instanceof vscode.TabInputTextDiff && input.modified.toString() === right.toString(),
  );
}

export async function closeTabs(isOurs: (tab: vscode.Tab) => boolean): Promise<void> {
  const tabs = vscode.window.tabGroups.all.flatMap((group) => group.tabs);
  await vscode.window.tabGroups.close(tabs.filter(isOurs));
}
