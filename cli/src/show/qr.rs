//! A QR code in a terminal.

use qrcode::render::unicode::Dense1x2;
use qrcode::{EcLevel, QrCode};

use crate::screen::Screen;

/// Draws a text that a camera is to read, light on dark as most terminals are.
pub fn draw(screen: &Screen, text: &str) {
    // An invitation always fits.
    if let Ok(drawn) = QrCode::with_error_correction_level(text.as_bytes(), EcLevel::L) {
        screen
            .line(drawn.render::<Dense1x2>().dark_color(Dense1x2::Light).light_color(Dense1x2::Dark).build());
    }
}
