/** Our section of the settings: only what a person has set goes to the server. */

import * as vscode from "vscode";

export const SECTION = "backendDeveloper";
export const LANGUAGES = [
  "python",
  "javascript",
  "javascriptreact",
  "typescript",
  "typescriptreact",
  "sql",
  "dockerfile",
  "yaml",
  "dockercompose",
  "github-actions-workflow",
  "json",
  "graphql",
  "prisma",
];

/**
 * What holds for `uri`. Defaults are left out: VS Code cannot tell them from what a person chose,
 * and the server would take them before the project's own settings file.
 */
export function forServer(names: readonly string[], uri?: vscode.Uri): Record<string, unknown> {
  const configuration = vscode.workspace.getConfiguration(SECTION, uri);
  const chosen = names.filter((name) => placeOf(configuration, name) !== undefined);
  return {
    ...Object.fromEntries(chosen.map((name) => [name, configuration.get(name)])),
    trusted: vscode.workspace.isTrusted,
  };
}

/** Settings as the variables that our program's own commands read; tables have no such form. */
export function asEnvironment(settings: Record<string, unknown>): Record<string, string> {
  const single = Object.entries(settings).filter(([, value]) => typeof value !== "object");
  return Object.fromEntries(
    single.map(([name, value]) => [
      `BACKEND_DEVELOPER_${name.replace(/[A-Z]/g, "_$&").toUpperCase()}`,
      String(value),
    ]),
  );
}

/** Changes a setting where it is set already, else for the person everywhere. */
export async function change(name: string, value: unknown, uri?: vscode.Uri): Promise<void> {
  const configuration = vscode.workspace.getConfiguration(SECTION, uri);
  await configuration.update(name, value, placeOf(configuration, name) ?? vscode.ConfigurationTarget.Global);
}

/** The command that starts our program, from `server.path`; undefined when that is not set. */
export function serverCommand(): readonly string[] | undefined {
  const path = vscode.workspace.getConfiguration(SECTION).get<string | string[]>("server.path");
  const command = typeof path === "string" ? [path] : (path ?? []);
  return command[0] ? command : undefined;
}

function placeOf(
  configuration: vscode.WorkspaceConfiguration,
  name: string,
): vscode.ConfigurationTarget | undefined {
  const found = configuration.inspect(name);
  if (found?.workspaceFolderValue !== undefined) return vscode.ConfigurationTarget.WorkspaceFolder;
  if (found?.workspaceValue !== undefined) return vscode.ConfigurationTarget.Workspace;
  if (found?.globalValue !== undefined) return vscode.ConfigurationTarget.Global;
  return undefined;
}
