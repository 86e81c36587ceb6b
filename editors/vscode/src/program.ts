/** Finds the program that is the server: `[file, ...arguments]`, to which `serve` is added. */

import { execFile } from "node:child_process";
import { access, constants } from "node:fs/promises";
import * as path from "node:path";
import { promisify } from "node:util";
import type { PythonExtension } from "@vscode/python-extension";
import * as vscode from "vscode";
import { serverCommand } from "./settings";

export const INSTALL_COMMAND = "pipx install 'backend-developer[linters]'";

export type Program = readonly [file: string, ...arguments: string[]];

const PYTHON_EXTENSION = "ms-python.python";

/** The setting, else the selected Python environment, else PATH; undefined when it is nowhere. */
export async function findProgram(): Promise<Program | undefined> {
  const [file, ...rest] = serverCommand() ?? [];
  if (file) return [file, ...rest];
  return (await inPythonEnvironment()) ?? (await onSearchPath());
}

/**
 * Tells when another Python environment was selected; never, without the Python extension. That one
 * may take its time to start, which nothing waits for here.
 */
export function onPythonEnvironmentChanged(changed: () => void): vscode.Disposable {
  let listener: vscode.Disposable | undefined;
  let isDisposed = false;
  void pythonApi().then((api) => {
    if (!isDisposed) listener = api?.environments.onDidChangeActiveEnvironmentPath(changed);
  });
  return new vscode.Disposable(() => {
    isDisposed = true;
    listener?.dispose();
  });
}

/**
 * The interpreter of the selected environment, where our package can be imported from it.
 * An environment can lie in the workspace, so none is run before the workspace is trusted.
 */
async function inPythonEnvironment(): Promise<Program | undefined> {
  if (!vscode.workspace.isTrusted) return undefined;
  const api = await pythonApi();
  if (!api) return undefined;
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
  const environment = await api.environments.resolveEnvironment(api.environments.getActiveEnvironmentPath(folder));
  const python = environment?.executable.uri?.fsPath;
  if (!python) return undefined;
  // -P: nothing is imported from the folder that the process is started in.
  const program: Program = [python, "-P", "-m", "backend_developer"];
  try {
    await promisify(execFile)(python, ["-P", "-c", "import backend_developer"], { timeout: 10_000 });
    return program;
  } catch {
    return undefined;
  }
}

/** That of Microsoft's Python extension; undefined where it is not installed, or does not start. */
async function pythonApi(): Promise<PythonExtension | undefined> {
  const extension = vscode.extensions.getExtension<PythonExtension | undefined>(PYTHON_EXTENSION);
  try {
    return await extension?.activate();
  } catch {
    return undefined;
  }
}

/** Looked up here, because Windows would begin with the current folder; relative entries are none. */
async function onSearchPath(): Promise<Program | undefined> {
  const name = process.platform === "win32" ? "backend-developer.exe" : "backend-developer";
  for (const folder of (process.env.PATH ?? "").split(path.delimiter).filter((entry) => path.isAbsolute(entry))) {
    const file = path.join(folder, name);
    const found = await access(file, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) return [file];
  }
  return undefined;
}
