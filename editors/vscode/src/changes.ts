/** The commands that start a task which changes something, and what a person must write for one. */

import * as vscode from "vscode";
import { codeActions } from "./edits";
import { CHANGE, CHANGE_ACTION, REFINE } from "./protocol";
import { selected } from "./reviews";
import type { Server } from "./server";

/** The task for whatever a person wants. */
const FREE_TASK = "ask";

/** What is given to the command of a task. */
interface TaskArgument {
  readonly task: string;
  /** What the person is asked to write first. */
  readonly asks?: string;
}

type Choice = vscode.QuickPickItem & { readonly argument?: TaskArgument };

/** Has the person choose among the tasks that fit the selection, or the code at the cursor. */
export async function changeCode(server: Server): Promise<void> {
  const groups = new Map<string, Choice[]>();
  for (const { title, argument, group } of await offered(server)) {
    groups.set(group, [...(groups.get(group) ?? []), { label: title, argument }]);
  }
  const choices = [...groups].flatMap(([label, tasks]): Choice[] => [
    { label, kind: vscode.QuickPickItemKind.Separator },
    ...tasks,
  ]);
  const chosen = await vscode.window.showQuickPick(choices, { title: "Change the selection, or the code at the cursor" });
  if (chosen) await vscode.commands.executeCommand(CHANGE, chosen.argument);
}

/** Has the person say what is wanted, of the selection or the code at the cursor. */
export async function ask(server: Server): Promise<void> {
  const free = (await offered(server)).find(({ argument }) => argument.task === FREE_TASK);
  if (!free) throw new Error("There is no task “ask” for this file: a file of the project's or of yours has replaced it.");
  await vscode.commands.executeCommand(CHANGE, free.argument);
}

/**
 * A command's arguments with what the person wrote, where it asks for something; undefined when
 * nothing was written: then nothing is to be sent.
 */
export async function withWords(command: string, args: unknown[]): Promise<unknown[] | undefined> {
  const { asks, ...rest } = (args[0] ?? {}) as Partial<TaskArgument>;
  if (!asks || !(command === CHANGE || command === REFINE)) return args;
  const words = await vscode.window.showInputBox({
    title: asks,
    placeHolder: "In your own words, as to a colleague",
    prompt: "Enter sends it to the agent with the code.",
    ignoreFocusOut: true,
  });
  return words?.trim() ? [{ ...rest, [command === REFINE ? "wish" : "instruction"]: words.trim() }] : undefined;
}

/** The tasks that the server offers there; fails where there are none. */
async function offered(server: Server) {
  const { uri, range } = selected();
  const actions = await codeActions(server, uri, range, CHANGE_ACTION);
  if (!actions.length) {
    throw new Error("Changes need a model: set an API key, a base URL or another provider first.");
  }
  return actions.map(({ title, command, data }) => ({
    title,
    argument: command?.arguments?.[0] as TaskArgument,
    group: (data as { group?: string } | undefined)?.group ?? "Other",
  }));
}
