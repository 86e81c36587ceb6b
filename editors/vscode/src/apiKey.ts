/**
 * The API key: it lies in the secret storage, and goes into the server's environment and nowhere
 * else. It is never a setting, never an argument of a process, never logged.
 */

import * as vscode from "vscode";

const SECRET = "anthropicApiKey";
const VARIABLE = "ANTHROPIC_API_KEY";

/** What the server's environment has beside our own. */
export async function keyEnvironment(secrets: vscode.SecretStorage): Promise<Record<string, string>> {
  const key = await secrets.get(SECRET);
  return key ? { [VARIABLE]: key } : {};
}

/** Tells when the key was set or cleared, in any window. */
export function onKeyChanged(secrets: vscode.SecretStorage, changed: () => void): vscode.Disposable {
  return secrets.onDidChange((event) => {
    if (event.key === SECRET) changed();
  });
}

export async function setKey(secrets: vscode.SecretStorage): Promise<void> {
  const key = await vscode.window.showInputBox({
    title: "Anthropic API key",
    prompt: "Kept in the secret storage of VS Code, and handed to the server's process only.",
    password: true,
    ignoreFocusOut: true,
    validateInput: (text) => (/^\S+$/.test(text.trim()) ? undefined : "A key is one word."),
  });
  if (key) await secrets.store(SECRET, key.trim());
}

export async function clearKey(secrets: vscode.SecretStorage): Promise<void> {
  await secrets.delete(SECRET);
  if (process.env[VARIABLE]) {
    void vscode.window.showInformationMessage(
      `The stored key is gone; the server still gets ${VARIABLE} of the environment that VS Code was started in.`,
    );
  }
}
