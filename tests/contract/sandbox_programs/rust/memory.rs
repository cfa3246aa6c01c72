fn main() {
    let mut blocks = Vec::new();
    let mut sum = 0u64;
    loop {
        blocks.push(vec![1u8; 1 << 20]);
        sum += u64::from(blocks[blocks.len() / 2][7]);
        if sum == 0 {
            println!("{}", blocks.len());
        }
    }
}
