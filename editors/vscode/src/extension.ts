/** Puts the parts together: one server, what it knows, and the commands. */

import * as vscode from "vscode";
import type { Range } from "vscode-languageclient/node";
import { clearKey, onKeyChanged, setKey } from "./apiKey";
import { ask, changeCode, withWords } from "./changes";
import { createFindingsView } from "./findingsView";
import { applyFix, type FindingReference, previewFix, withPreviews } from "./fixes";
import { createKnowledge } from "./knowledge";
import { chooseAgent, chooseModel, showMenu } from "./menu";
import { applyPreview, discardPreview, registerPreviews } from "./preview";
import { onPythonEnvironmentChanged } from "./program";
import {
  discardShown,
  pickFromShown,
  preview,
  readShown,
  refineShown,
  registerProposals,
  showProposals,
  takeShown,
} from "./proposals";
import { CANCEL, PREVIEW, REVIEW, REVOKE, type Started } from "./protocol";
import { dismiss, reviewByTask, reviewSelection } from "./reviews";
import { createServer, messageOf, type Server } from "./server";
import { SECTION } from "./settings";
import { createStatusBar } from "./statusBar";
import { openWalkthrough, reviewSample, welcome } from "./welcome";

const DOCTOR_SCHEME = "backend-developer-doctor";

let server: Server | undefined;

export function activate(context: vscode.ExtensionContext): void {
  const ours = createServer(context, {
    provideCodeActions: async (document, range, actionContext, token, next) =>
      withPreviews((await next(document, range, actionContext, token)) ?? [], document.uri),
    executeCommand: async (command, args: unknown[], next) => {
      const answered = await withWords(command, args);
      if (!answered) return undefined;
      const answer: unknown = await next(command, answered);
      sayWhyNot(answer as Started | undefined);
      if (command === REVIEW) await welcome(context, knowledge);
      return answer;
    },
  });
  server = ours;
  const knowledge = createKnowledge(ours);
  const restart = () => void ours.restart();
  context.subscriptions.push(
    ours,
    knowledge,
    createStatusBar(ours, knowledge),
    createFindingsView(context, knowledge),
    registerPreviews(),
    registerProposals(ours),
    vscode.workspace.registerTextDocumentContentProvider(DOCTOR_SCHEME, {
      provideTextDocumentContent: () => ours.doctor(),
    }),
    onKeyChanged(context.secrets, restart),
    vscode.workspace.onDidGrantWorkspaceTrust(restart),
    vscode.workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration(`${SECTION}.server`)) restart();
    }),
    onPythonEnvironmentChanged(restart),
  );
  const commands: Record<string, (argument: never) => unknown> = {
    reviewApiDesign: () => review("api-design"),
    reviewSecurity: () => review("security"),
    reviewPerformance: () => review("performance"),
    reviewEverything: () => review("everything"),
    reviewTask: () => reviewByTask(ours).then(() => welcome(context, knowledge)),
    changeCode: () => changeCode(ours),
    ask: () => ask(ours),
    showProposals: () => showProposals(ours),
    takeProposal: () => takeShown(ours),
    pickFromProposal: () => pickFromShown(ours),
    refineProposal: () => refineShown(),
    readProposal: () => readShown(),
    discardProposal: () => discardShown(ours),
    cancel: () => ours.execute(CANCEL, {}),
    showMenu: () => showMenu(ours, knowledge),
    chooseAgent: () => chooseAgent(ours),
    chooseModel: () => chooseModel(knowledge),
    setApiKey: () => setKey(context.secrets),
    clearApiKey: () => clearKey(context.secrets),
    revokeConsent: () => ours.execute(REVOKE, {}),
    showLog: () => {
      ours.log.show();
    },
    doctor: () => openDoctor(),
    restart: () => ours.restart(),
    openSettings: () => vscode.commands.executeCommand("workbench.action.openSettings", `@ext:${context.extension.id}`),
    openWalkthrough: () => openWalkthrough(context),
    reviewSample: () => reviewSample(context, ours),
    openFinding: (finding: FindingReference & { range: Range }) => openFinding(finding),
    applyFix: (finding: FindingReference) => applyFix(ours, finding),
    previewFix: (finding: FindingReference) => previewFix(ours, finding),
    dismissFinding: (finding: FindingReference) => dismiss(ours, finding),
    applyPreview,
    discardPreview,
  };
  for (const [name, run] of Object.entries(commands)) {
    context.subscriptions.push(
      vscode.commands.registerCommand(`${SECTION}.${name}`, (argument: never) => reported(() => run(argument))),
    );
  }
  context.subscriptions.push(
    vscode.commands.registerCommand(PREVIEW, ({ id }: { id: string }) => reported(() => preview(ours, id))),
  );
  restart();

  async function review(task: string): Promise<void> {
    await reviewSelection(ours, task);
    await welcome(context, knowledge);
  }
}

export async function deactivate(): Promise<void> {
  await server?.stop();
}

/** Shows what the doctor says, in a read-only text; asked again, it looks again. */
async function openDoctor(): Promise<void> {
  const query = String(Date.now());
  await vscode.window.showTextDocument(vscode.Uri.from({ scheme: DOCTOR_SCHEME, path: "Doctor", query }));
}

async function openFinding({ uri, range }: { readonly uri: string; readonly range: Range }): Promise<void> {
  const { start, end } = range;
  await vscode.window.showTextDocument(vscode.Uri.parse(uri), {
    selection: new vscode.Range(start.line, start.character, end.line, end.character),
  });
}

/** What was not started says why. */
function sayWhyNot(answer: Started | undefined): void {
  if (answer?.started === false) void vscode.window.showErrorMessage(answer.reason);
}

/** Runs a command; what goes wrong in it is told in its sentence. */
async function reported(run: () => unknown): Promise<void> {
  try {
    await run();
  } catch (error) {
    void vscode.window.showErrorMessage(messageOf(error));
  }
}
