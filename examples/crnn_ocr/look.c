/* look.c - how pictures of text vary: what training draws from, chosen by looking at scans, screens and photographs. */
#include "render.h"

render_look render_plain(void) {
    return (
        render_look){.stretch = 1, .left = 0.1f, .top = 0.1f, .right = 0.1f, .bottom = 0.1f, .detail = 1, .paper = 1};
}

/* Each change happens only sometimes, so that plain pictures stay common and no single one is piled on all others. */
render_look render_varied(dice *d) {
    render_look look = render_plain();
    look.stretch = dice_chance(d, 0.6) ? dice_between(d, 0.82f, 1.2f) : 1;
    look.slant = dice_chance(d, 0.3) ? dice_between(d, -0.12f, 0.22f) : 0;
    look.rotation = dice_chance(d, 0.4) ? dice_between(d, -0.035f, 0.035f) : 0;
    look.spacing = dice_chance(d, 0.4) ? dice_between(d, -0.02f, 0.12f) : 0;
    look.wobble = dice_chance(d, 0.15) ? dice_between(d, 0, 0.03f) : 0;
    look.tight = dice_chance(d, 0.35) ? 1 : dice_chance(d, 0.5) ? 0 : dice_between(d, 0, 1);
    look.left = dice_between(d, 0, 0.25f);
    look.right = dice_between(d, 0, 0.25f);
    look.top = dice_between(d, -0.02f, 0.15f);
    look.bottom = dice_between(d, -0.02f, 0.15f);
    look.detail = dice_chance(d, 0.3) ? dice_between(d, 0.5f, 1) : 1;
    look.blur = dice_chance(d, 0.5) ? dice_between(d, 0.2f, 1.0f) : 0;
    look.noise = dice_chance(d, 0.5) ? dice_between(d, 0.01f, 0.07f) : 0;
    look.paper = dice_between(d, 0.7f, 1);
    look.ink = dice_between(d, 0, look.paper - 0.4f);
    look.shade_x = dice_chance(d, 0.3) ? dice_between(d, -0.15f, 0.15f) : 0;
    look.shade_y = dice_chance(d, 0.3) ? dice_between(d, -0.1f, 0.1f) : 0;
    if (dice_chance(d, 0.25)) { /* light on dark */
        float paper = look.paper;
        look.paper = look.ink, look.ink = paper;
    }
    look.stream = dice_bits(d);
    return look;
}
