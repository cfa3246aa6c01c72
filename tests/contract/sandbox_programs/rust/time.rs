fn main() {
    let mut count = 0u64;
    loop {
        unsafe { std::ptr::write_volatile(&mut count, count.wrapping_add(1)) };
    }
}
