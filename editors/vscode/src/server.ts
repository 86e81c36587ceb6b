/** The server's process and the connection to it: one at a time, however often it is restarted. */

import { execFile } from "node:child_process";
import { homedir } from "node:os";
import { promisify } from "node:util";
import * as vscode from "vscode";
import {
  LanguageClient,
  type Middleware,
  RevealOutputChannelOn,
  State,
  type StaticFeature,
} from "vscode-languageclient/node";
import { keyEnvironment } from "./apiKey";
import { findProgram, INSTALL_COMMAND, type Program } from "./program";
import { endProgress, showProgress } from "./progress";
import { PROPOSED, type Proposed } from "./protocol";
import { asEnvironment, forServer, LANGUAGES, SECTION } from "./settings";

export type ServerState = "starting" | "running" | "stopped" | "missing";

export interface Server {
  readonly state: ServerState;
  /** The connection, while there is one. */
  readonly client: LanguageClient | undefined;
  readonly log: vscode.LogOutputChannel;
  /** The state is another, or the server has reported progress. */
  readonly onDidChange: vscode.Event<void>;
  /** The server has been told the settings. */
  readonly onDidTellSettings: vscode.Event<void>;
  /** There is a proposal to be shown. */
  readonly onDidPropose: vscode.Event<Proposed>;
  /** Starts the server anew. Asked while it starts, it does so once more, not twice. */
  restart(): Promise<void>;
  stop(): Promise<void>;
  /** Has the server execute one of its commands. Fails with a sentence for the person. */
  execute<Result>(command: string, argument: object): Promise<Result>;
  /** What `doctor` prints. */
  doctor(): Promise<string>;
  dispose(): void;
}

/** Tells the server that we ask the person for words, and show proposals. */
const OUR_PART: StaticFeature = {
  fillClientCapabilities: (capabilities) => {
    const others = capabilities.experimental as object | undefined;
    capabilities.experimental = { ...others, backendDeveloper: { asks: true, proposals: true } };
  },
  initialize: () => undefined,
  getState: () => ({ kind: "static" }),
  clear: () => undefined,
};

/** A server that is not started yet; `middleware` is what the features add to the conversation. */
export function createServer(context: vscode.ExtensionContext, middleware: Middleware): Server {
  const log = vscode.window.createOutputChannel("Backend Developer", { log: true });
  const changed = new vscode.EventEmitter<void>();
  const settingsTold = new vscode.EventEmitter<void>();
  const proposed = new vscode.EventEmitter<Proposed>();
  const names = settingNames(context);
  let state: ServerState = "stopped";
  let program: Program | undefined;
  let client: LanguageClient | undefined;
  let restarting: Promise<void> | undefined;
  let wanted = 0;

  function become(next: ServerState): void {
    state = next;
    changed.fire();
  }

  async function stop(): Promise<void> {
    const old = client;
    client = undefined;
    if (old) endProgress(old);
    // One that has died, or never began, refuses to be stopped.
    await old?.dispose().catch((error: unknown) => {
      log.warn(`The server did not stop in order: ${String(error)}`);
    });
  }

  async function start(): Promise<void> {
    program = await findProgram();
    if (!program) {
      become("missing");
      void offerInstallation(restart);
      return;
    }
    const [command, ...args] = program;
    log.info(`Starting ${[...program, "serve"].join(" ")}`);
    const next = new LanguageClient(
      SECTION,
      "Backend Developer",
      {
        command,
        args: [...args, "serve"],
        // Not the workspace: nothing in it must be taken for a part of the program.
        // What is given here stands in place of the environment, so that goes in whole.
        options: { cwd: homedir(), env: { ...process.env, ...(await keyEnvironment(context.secrets)) } },
      },
      {
        documentSelector: LANGUAGES.flatMap((language) => [
          { scheme: "file", language },
          { scheme: "untitled", language },
        ]),
        outputChannel: log,
        revealOutputChannelOn: RevealOutputChannelOn.Never,
        initializationOptions: () => ({ [SECTION]: { trusted: vscode.workspace.isTrusted } }),
        middleware: {
          ...middleware,
          workspace: {
            configuration: (params) => {
              settingsTold.fire();
              return params.items.map(({ section, scopeUri }) =>
                section === SECTION ? forServer(names, scopeUri ? vscode.Uri.parse(scopeUri) : undefined) : null,
              );
            },
          },
          handleWorkDoneProgress: (token, params, next_) => {
            showProgress(next, token, params, next_);
            changed.fire();
          },
        },
      },
    );
    client = next;
    next.registerFeature(OUR_PART);
    next.onNotification(PROPOSED, (params: Proposed) => {
      proposed.fire(params);
    });
    next.onDidChangeState(({ newState }) => {
      if (client !== next || newState === State.Starting) return;
      if (newState !== State.Running) endProgress(next);
      become(newState === State.Running ? "running" : "stopped");
    });
    await next.start();
  }

  /** What is asked for while a start is under way is one more start; what came before it is that one. */
  async function startUntil(latest: () => number): Promise<void> {
    for (let begun = 0; begun !== latest(); ) {
      become("starting");
      await stop();
      begun = latest();
      await start().catch((error: unknown) => {
        become("stopped");
        void offerLog(`The server did not start: ${messageOf(error)}`, log, restart);
      });
    }
  }

  function restart(): Promise<void> {
    wanted += 1;
    // Not at once: who is told of the new state may ask for another start.
    restarting ??= Promise.resolve()
      .then(() => startUntil(() => wanted))
      .finally(() => {
        restarting = undefined;
      });
    return restarting;
  }

  return {
    get state() {
      return state;
    },
    get client() {
      return client;
    },
    log,
    onDidChange: changed.event,
    onDidTellSettings: settingsTold.event,
    onDidPropose: proposed.event,
    restart,
    stop,
    async execute<Result>(command: string, argument: object): Promise<Result> {
      await restarting;
      if (!client?.isRunning()) throw new Error("The server is not running; restart it, or look into its log.");
      return client.sendRequest("workspace/executeCommand", { command, arguments: [argument] });
    },
    async doctor(): Promise<string> {
      const [file, ...args] = program ?? (await findProgram()) ?? [];
      if (!file) return `The server is not installed: ${INSTALL_COMMAND}`;
      const options = {
        cwd: vscode.workspace.workspaceFolders?.[0]?.uri.fsPath ?? homedir(),
        env: {
          ...process.env,
          ...(await keyEnvironment(context.secrets)),
          ...asEnvironment(forServer(names, vscode.workspace.workspaceFolders?.[0]?.uri)),
        },
      };
      // It exits with 1 when something is wrong, and what it printed says what.
      return promisify(execFile)(file, [...args, "doctor"], options).then(
        ({ stdout, stderr }) => stdout + stderr,
        (error: unknown) => outputOf(error),
      );
    },
    dispose(): void {
      changed.dispose();
      settingsTold.dispose();
      proposed.dispose();
      log.dispose();
    },
  };
}

/** What to say of an error: its message. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The names of the settings that are the server's; those with a dot are for us alone. */
function settingNames(context: vscode.ExtensionContext): string[] {
  const { contributes } = context.extension.packageJSON as {
    contributes: { configuration: { properties: Record<string, unknown> } };
  };
  const names = Object.keys(contributes.configuration.properties).map((name) => name.slice(SECTION.length + 1));
  return names.filter((name) => !name.includes("."));
}

async function offerInstallation(restart: () => Promise<void>): Promise<void> {
  const copy = "Copy Command";
  const again = "Try Again";
  const chosen = await vscode.window.showErrorMessage(
    `The backend-developer server is not installed. Run ${INSTALL_COMMAND} in a terminal, then try again.`,
    copy,
    again,
  );
  if (chosen === again) await restart();
  if (chosen !== copy) return;
  await vscode.env.clipboard.writeText(INSTALL_COMMAND);
  const next = await vscode.window.showInformationMessage("The command is on the clipboard.", again);
  if (next === again) await restart();
}

async function offerLog(sentence: string, log: vscode.LogOutputChannel, restart: () => Promise<void>): Promise<void> {
  const chosen = await vscode.window.showErrorMessage(sentence, "Show Log", "Restart");
  if (chosen === "Show Log") log.show();
  if (chosen === "Restart") await restart();
}

function outputOf(error: unknown): string {
  const { stdout, stderr, message } = error as { stdout?: string; stderr?: string; message: string };
  return [stdout, stderr].filter(Boolean).join("") || message;
}
