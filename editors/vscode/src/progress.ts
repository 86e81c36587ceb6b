/** A review's progress, as a notification that can be cancelled. */

import * as vscode from "vscode";
import {
  type HandleWorkDoneProgressSignature,
  type LanguageClient,
  type ProgressToken,
  type WorkDoneProgressBegin,
  WorkDoneProgressCancelNotification,
  type WorkDoneProgressEnd,
  type WorkDoneProgressReport,
} from "vscode-languageclient/node";

interface Shown {
  report(message: string | undefined): void;
  end(): void;
}

const shown = new WeakMap<LanguageClient, Map<ProgressToken, Shown>>();

/**
 * Shows what the server reports under `token`. The client library's own display, `next`, is a
 * line in the status bar that nobody can click; it is told of the end alone, so that it forgets
 * the token.
 */
export function showProgress(
  client: LanguageClient,
  token: ProgressToken,
  params: WorkDoneProgressBegin | WorkDoneProgressReport | WorkDoneProgressEnd,
  next: HandleWorkDoneProgressSignature,
): void {
  const tokens = shown.get(client) ?? new Map<ProgressToken, Shown>();
  shown.set(client, tokens);
  if (params.kind === "begin") tokens.set(token, begin(client, token, params));
  if (params.kind === "report") tokens.get(token)?.report(params.message);
  if (params.kind === "end") {
    tokens.get(token)?.end();
    tokens.delete(token);
    if (params.message) vscode.window.setStatusBarMessage(params.message, 5000);
    next(token, params);
  }
}

/** Takes away what a server that is no more would have reported on. */
export function endProgress(client: LanguageClient): void {
  for (const one of shown.get(client)?.values() ?? []) one.end();
  shown.delete(client);
}

function begin(client: LanguageClient, token: ProgressToken, params: WorkDoneProgressBegin): Shown {
  let end: () => void = () => undefined;
  let report: (message: string | undefined) => void = () => undefined;
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  void vscode.window.withProgress(
    {
      location: vscode.ProgressLocation.Notification,
      title: params.title,
      cancellable: params.cancellable ?? false,
    },
    (progress, cancellation) => {
      cancellation.onCancellationRequested(() => {
        void client.sendNotification(WorkDoneProgressCancelNotification.type, { token });
      });
      report = (message) => {
        progress.report({ message });
      };
      report(params.message);
      return ended;
    },
  );
  return {
    report: (message) => {
      report(message);
    },
    end,
  };
}
