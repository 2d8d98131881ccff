//! Firmware files.

use flashdelta::door::{self, ConvertRequest};
use flashdelta::facts::AddressMapFacts;
use flashdelta::image::{self, Format, Image, Segment};
use js_sys::{Array, Uint8Array};
use md5::{Digest as _, Md5};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::JsValue;

use crate::failure::{failed, option, Outcome};
use crate::given;
use crate::options::{parse, ReadFields, WriteFields};
use crate::returned::object;

/// The name of the format of a file.
#[wasm_bindgen]
pub fn detect(file: &[u8]) -> String {
    image::detect(file).name().to_owned()
}

/// The MD5 of bytes in hexadecimal digits: by it the chips of Espressif tell what is in their
/// flash.
#[wasm_bindgen]
pub fn md5(bytes: &[u8]) -> String {
    flashdelta::facts::hex(&Md5::digest(bytes))
}

/// Which bytes of a file are at which addresses, as JSON.
#[wasm_bindgen]
pub fn address_map(file: &[u8]) -> String {
    AddressMapFacts::from(&image::address_map(file)).json()
}

/// The bytes in memory that a file stands for.
#[wasm_bindgen]
pub fn image_parse(file: &[u8], name: &str, options: &str) -> Outcome<JsValue> {
    let fields: ReadFields = parse(options)?;
    let image = read(file, name, &fields)?;
    let segments = Array::new();
    for Segment { address, data } in &image.segments {
        let data = Uint8Array::from(&data[..]);
        segments.push(&object(&[("address", (*address).into()), ("data", data.into())]));
    }
    let header = image.header.map_or(JsValue::NULL, |header| Uint8Array::from(&header[..]).into());
    Ok(object(&[
        ("format", image.format.name().into()),
        ("segments", segments.into()),
        ("entry", image.entry.map_or(JsValue::NULL, JsValue::from)),
        ("header", header),
    ]))
}

/// A file by the format that it has, or that its name promises.
fn read(file: &[u8], name: &str, fields: &ReadFields) -> Outcome<Image> {
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    let extension = extension.to_ascii_lowercase();
    let options = fields.options()?;
    image::check_promise(&extension, file, &options).map_err(|error| failed!(error))?;
    Image::parse(file, &options).map_err(|error| failed!(error))
}

/// Bytes in memory as a file. `addresses` and `data`: one for each segment.
#[wasm_bindgen]
pub fn image_write(
    addresses: Vec<u32>,
    data: &Array,
    entry: Option<u32>,
    header: Option<Vec<u8>>,
    format: &str,
    options: &str,
) -> Outcome<Vec<u8>> {
    let fields: WriteFields = parse(options)?;
    let segments = addresses.into_iter().zip(given::bytes(data)?);
    let segments = segments.map(|(address, data)| Segment { address, data }).collect();
    let format = named(format)?;
    let image = Image { format, segments, entry, header };
    image.write(format, &fields.options()).map_err(|error| failed!(error))
}

/// A file in another format.
#[wasm_bindgen]
pub fn convert(file: &[u8], name: &str, format: &str, read: &str, write: &str) -> Outcome<Vec<u8>> {
    let (read, write): (ReadFields, WriteFields) = (parse(read)?, parse(write)?);
    let request = ConvertRequest::new().read(read.options()?).write(write.options());
    let converted = door::convert(given::input(file, name, true), named(format)?, &request);
    let converted = converted.map_err(|error| failed!(error))?;
    converted.bytes().map_err(|error| failed!(error))
}

fn named(name: &str) -> Outcome<Format> {
    Format::named(name).ok_or_else(|| {
        let known = "raw, ihex, srec, ti-txt and uf2 can be written";
        option(&format!("no such format: {name}; {known}"))
    })
}
