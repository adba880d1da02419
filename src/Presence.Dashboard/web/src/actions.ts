import { at, set } from "./dom";
import { post } from "./session";

/** Sends an action and says what came of it. Returns whether it was done. */
export async function act(path: string, body: Record<string, unknown>, said: HTMLElement): Promise<boolean> {
  set(said, "Sending …");
  try {
    const answer = await post(path, body);
    const result = (await answer.json().catch(() => ({}))) as { detail?: string; evicted?: number };
    if (!answer.ok) throw new Error(result.detail ?? `status ${answer.status}`);
    set(said, result.evicted === undefined ? "Done." : `Done: ${result.evicted} ended.`);
    return true;
  } catch (error) {
    set(said, `Not done: ${(error as Error).message}`);
    return false;
  }
}

/** The forms of the view Actions: each sends its fields to the address that it names. */
export function setUpActions(): void {
  for (const form of document.querySelectorAll<HTMLFormElement>("#view-actions form")) {
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      // Not form.id, which is the field of that name where there is one.
      const said = at(`${form.getAttribute("id")}-said`);
      const body: Record<string, unknown> = {};
      for (const [name, value] of new FormData(form)) {
        if (value === "") continue;
        try {
          body[name] = name === "payload" ? JSON.parse(String(value)) : value;
        } catch (error) {
          set(said, `The payload is not valid JSON: ${(error as Error).message}`);
          return;
        }
      }
      if (!form.dataset.confirm || confirm(form.dataset.confirm)) await act(form.dataset.action!, body, said);
    });
  }
}
