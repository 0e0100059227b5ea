"use strict";

// A price line of the last points on a canvas; the colour tells where it stands against the first
// value that was ever seen.
class Sparkline {
  static POINTS = 60;

  constructor(canvas) {
    this.canvas = canvas;
    this.points = [];
    this.first = undefined;
  }

  push(value) {
    this.first ??= value;
    this.points.push(value);
    if (this.points.length > Sparkline.POINTS) this.points.shift();
  }

  draw() {
    const { canvas, points } = this;
    const scale = window.devicePixelRatio || 1;
    const width = canvas.clientWidth;
    const height = canvas.clientHeight;
    if (points.length < 2 || width === 0) return;
    if (canvas.width !== Math.round(width * scale)) {
      canvas.width = Math.round(width * scale);
      canvas.height = Math.round(height * scale);
    }
    const pen = canvas.getContext("2d");
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    pen.clearRect(0, 0, width, height);

    const low = Math.min(...points);
    const span = Math.max(...points) - low || 1;
    const x = (i) => (i / (points.length - 1)) * (width - 4) + 2;
    const y = (v) => height - 3 - ((v - low) / span) * (height - 6);
    const colour = points[points.length - 1] >= this.first ? "61, 220, 151" : "255, 107, 129";

    pen.beginPath();
    points.forEach((value, i) => (i ? pen.lineTo(x(i), y(value)) : pen.moveTo(x(i), y(value))));
    pen.strokeStyle = `rgb(${colour})`;
    pen.lineWidth = 1.6;
    pen.lineJoin = "round";
    pen.stroke();

    pen.lineTo(x(points.length - 1), height);
    pen.lineTo(x(0), height);
    const fill = pen.createLinearGradient(0, 0, 0, height);
    fill.addColorStop(0, `rgba(${colour}, .25)`);
    fill.addColorStop(1, `rgba(${colour}, 0)`);
    pen.fillStyle = fill;
    pen.fill();
  }
}

window.Sparkline = Sparkline;
