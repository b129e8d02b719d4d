/** A still of the camera, where there is one: looked at here, and sent when it is taken. */

import { t } from "../../lib/language/translate";
import { buttonOf, h } from "../../lib/page/dom";
import type { Incoming } from "./intake";

export class Camera {
  /** Hidden where there is no camera. */
  readonly button = buttonOf(t("Camera"), { hidden: true });
  readonly element = h("div", { class: "zf-camera", hidden: true });
  private readonly video = h("video", {
    "aria-label": t("What the camera sees"),
    playsinline: true,
  });
  private stream: MediaStream | null = null;

  constructor(
    private readonly taken: (photo: Incoming) => void,
    private readonly failed: (why: string) => void,
    private readonly signal: AbortSignal,
  ) {
    this.video.muted = true;
    const take = buttonOf(t("Take the photo"), { class: "zf-button zf-primary" });
    const close = buttonOf(t("Close the camera"));
    this.element.append(this.video, h("div", { class: "zf-camera-buttons" }, take, close));
    this.button.addEventListener("click", () => void (this.stream ? this.close() : this.open()));
    take.addEventListener("click", () => void this.take());
    close.addEventListener("click", () => this.close());
    signal.addEventListener("abort", () => this.close(), { once: true });
  }

  /** Offer it, if the page may use a camera and there is one. */
  async offer(): Promise<void> {
    try {
      const devices = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
      this.button.hidden = !devices.some(({ kind }) => kind === "videoinput");
    } catch {
      // A page that may not even ask has none.
    }
  }

  private async open(): Promise<void> {
    try {
      const video = { width: { ideal: 1280 }, facingMode: "environment" };
      const stream = await navigator.mediaDevices.getUserMedia({ video });
      if (this.signal.aborted) return stop(stream);
      this.stream = stream;
      this.video.srcObject = stream;
      this.element.hidden = false;
      await this.video.play();
    } catch (error) {
      this.close();
      const why = error instanceof Error ? error.message || error.name : String(error);
      this.failed(
        t("The camera can't be used: {why}. Allow it in the browser, and try again.", { why }),
      );
    }
  }

  private async take(): Promise<void> {
    const { videoWidth, videoHeight } = this.video;
    if (videoWidth === 0) return; // nothing has come of it yet
    const canvas = h("canvas", { width: videoWidth, height: videoHeight });
    canvas.getContext("2d")?.drawImage(this.video, 0, 0);
    this.close();
    const blob = await new Promise<Blob | null>((done) => canvas.toBlob(done, "image/png"));
    const time = new Date().toTimeString().slice(0, 8);
    if (blob) this.taken({ name: `camera ${time}`, blob });
  }

  private close(): void {
    if (this.stream) stop(this.stream);
    this.stream = null;
    this.video.srcObject = null;
    this.element.hidden = true;
  }
}

function stop(stream: MediaStream): void {
  for (const track of stream.getTracks()) track.stop();
}
