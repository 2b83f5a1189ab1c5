/*
 * The 16550 UART (National Semiconductor PC16550D data sheet, section 8: registers).
 *
 * The line speed and format stay as the firmware has set them. Only the receiver interrupts: output is
 * polled, so that every byte is out when a write returns, and a machine that stops has shown all it said.
 */
#include "service/console/uart.h"
#include "port/device.h"

enum {
    UART_DATA = 0,         /* read: receiver buffer; write: transmitter holding */
    UART_INTERRUPTS = 1,   /* interrupt enable */
    UART_FIFO_CONTROL = 2, /* write */
    UART_LINE_CONTROL = 3,
    UART_LINE_STATUS = 5,
    UART_REGISTERS = 8,
};

#define INTERRUPT_INPUT  0x01u
#define FIFO_ENABLE      0x01u
#define FIFO_CLEAR_BOTH  0x06u
#define LINE_EIGHT_BITS  0x03u /* 8 data bits, no parity, one stop bit; divisor latch closed */
#define STATUS_INPUT     0x01u
#define STATUS_CAN_WRITE 0x20u

static volatile u8 *registers;

enum err cons_uart_open(bool first, u32 *irq)
{
    struct port_device device;
    enum err err = port_device_find("ns16550a", 0, &device);

    if (err != ERR_OK)
        return err;
    if (device.size < UART_REGISTERS)
        return ERR_DEVICE;
    registers = device.window;
    registers[UART_INTERRUPTS] = 0;
    registers[UART_LINE_CONTROL] = LINE_EIGHT_BITS;
    registers[UART_FIFO_CONTROL] = first ? FIFO_ENABLE | FIFO_CLEAR_BOTH : FIFO_ENABLE;
    registers[UART_INTERRUPTS] = INTERRUPT_INPUT;
    *irq = device.irq;
    return ERR_OK;
}

bool cons_uart_receive(u32 *kept)
{
    if (!(registers[UART_LINE_STATUS] & STATUS_INPUT))
        return false;
    port_device_take(&registers[UART_DATA], kept);
    return true;
}

bool cons_uart_ready(void)
{
    return (registers[UART_LINE_STATUS] & STATUS_CAN_WRITE) != 0;
}

void cons_uart_send(u8 byte)
{
    registers[UART_DATA] = byte;
}
