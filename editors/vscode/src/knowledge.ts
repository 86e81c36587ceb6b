/** What the server knows, asked anew whenever it may have changed; nothing here is kept besides. */

import * as vscode from "vscode";
import { type Finding, FINDINGS, STATUS, type Status } from "./protocol";
import type { Server } from "./server";

export interface Knowledge {
  readonly findings: readonly Finding[];
  /** Undefined while no server runs. */
  readonly status: Status | undefined;
  readonly onDidChange: vscode.Event<void>;
  dispose(): void;
}

/** Changes that come within this time are asked after once. */
const QUIET_MILLISECONDS = 100;

/** New settings hold when the server has read what they name, and it does not tell when that is. */
const AFTER_SETTINGS_MILLISECONDS = [1000, 5000];

export function createKnowledge(server: Server): Knowledge {
  const changed = new vscode.EventEmitter<void>();
  let findings: readonly Finding[] = [];
  let status: Status | undefined;
  let waiting: NodeJS.Timeout | undefined;
  let later: NodeJS.Timeout[] = [];
  let asked = 0;

  async function ask(): Promise<void> {
    const number = ++asked;
    const answers =
      server.state === "running"
        ? await Promise.all([
            server.execute<Finding[]>(FINDINGS, {}),
            server.execute<Status>(STATUS, {}),
          ]).catch((error: unknown) => {
            server.log.debug(`The server did not say what it knows: ${String(error)}`);
            return undefined;
          })
        : undefined;
    // An answer that was overtaken is not the latest.
    if (number !== asked) return;
    [findings, status] = answers ?? [[], undefined];
    changed.fire();
  }

  function soon(): void {
    waiting ??= setTimeout(() => {
      waiting = undefined;
      void ask();
    }, QUIET_MILLISECONDS);
  }

  function soonAndLater(): void {
    later.forEach(clearTimeout);
    later = AFTER_SETTINGS_MILLISECONDS.map((time) => setTimeout(soon, time));
    soon();
  }

  const listeners = [
    server.onDidChange(soon),
    server.onDidTellSettings(soonAndLater),
    // The server tells of every change of its findings by its diagnostics.
    vscode.languages.onDidChangeDiagnostics(soon),
  ];
  return {
    get findings() {
      return findings;
    },
    get status() {
      return status;
    },
    onDidChange: changed.event,
    dispose(): void {
      [waiting, ...later].forEach(clearTimeout);
      vscode.Disposable.from(...listeners, changed).dispose();
    },
  };
}
